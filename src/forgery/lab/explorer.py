"""Walks in the latent space of a generator of images.

The page computes z: lines, sums and steps along directions are a few additions. What it asks for
is G(z), as bytes of pixels, since a slider asks for one after the other; and what needs the data,
D, or a search.
"""

import base64
import json
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from .. import addresses
from ..addresses import ZOO
from ..errors import ForgeryError
from .answers import MOST_UPLOADED, Json, Refused, body, number, query, refused
from .folder import RunsFolder, as_typed
from .generators import Generators, Opened
from .tasks import Report, Tasks

if TYPE_CHECKING:
    from torch import Tensor

    from ..latent import Space

#: Images in an answer, at most.
MOST_IMAGES = 256
#: Samples that can be asked for by number. (z of all smaller numbers are drawn as well.)
NUMBERED = 100_000
#: Principal directions, and samples with which an answer of D is compared.
DIRECTIONS, COMPARED = 10, 500
#: Search for the z of a picture: starting points and steps, as ``forgery invert``.
STARTS, STEPS = 4, 300
#: Samples from which the direction of an attribute is found.
SAMPLES = 5000


class Bytes(Response):
    """Numbers without a header: uint8 pixels, or little-endian float32."""

    media_type = "application/octet-stream"


class Explorer:
    """The addresses below ``/api/explorer``.

    Requests name ``run``, ``step`` (without it, the newest checkpoint) and, for a generator that
    takes one, ``class``. Bodies are z, float32 ``[n, Z]``.
    """

    def __init__(self, folder: RunsFolder) -> None:
        self._folder = folder
        self._generators = Generators(folder)
        self._tasks = Tasks()
        self._decoding = threading.Lock()  # Pillow's settings are those of the whole process

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/explorer/runs", self.runs),
            Route("/explorer/run", self.run),
            Route("/explorer/z", self.z),
            Route("/explorer/moves", self.moves),
            Route("/explorer/principal", self.principal),
            Route("/explorer/pixels", self.pixels, methods=["POST"]),
            Route("/explorer/discriminator", self.discriminator, methods=["POST"]),
            Route("/explorer/nearest", self.nearest, methods=["POST"]),
            Route("/explorer/picture", self.picture, methods=["POST"]),
            Route("/explorer/invert", self.invert, methods=["POST"]),
            Route("/explorer/concepts", self.concepts, methods=["POST"]),
            Route("/explorer/direction", self.direction, methods=["POST"]),
            Route("/explorer/task", self.task),
            Route("/explorer/stop", self.stop, methods=["POST"]),
        ]

    def close(self) -> None:
        self._tasks.close()

    def runs(self, request: Request) -> Response:
        """The runs of images and the models of the zoo, by name: their data and shape."""
        zoo = [ZOO + name for name in addresses.zoo()]
        return Json({"runs": self._of_images(self._folder.names()), "zoo": self._of_images(zoo)})

    def _of_images(self, names: Iterable[str]) -> list[dict[str, Any]]:
        found = []
        for name in names:
            try:
                record = json.loads((self._folder.run(name) / "config.json").read_bytes())
                shape, data = record["data"]["shape"], record["data"]["name"]
            except (ForgeryError, OSError, ValueError, KeyError, TypeError):
                continue  # the page of runs shows what is wrong with it
            if len(shape) == 3:
                found.append({"run": name, "data": data, "shape": shape})
        return found

    def run(self, request: Request) -> Response:
        """What the page needs to know of a run at a step."""
        from ..training import checkpoint

        name = query(request, "run")
        opened = self._opened(request)
        model = opened.model
        config = model.config
        path = self._folder.run(name)
        in_zoo = not addresses.is_path(name)
        return Json(
            {
                "run": name,
                "path": name if in_zoo else as_typed(path),
                "in_zoo": in_zoo,
                "step": model.step,
                "steps": list(checkpoint.steps(path / "checkpoints")) or [model.step],
                "problem": opened.problem,
                "data": config.data,
                "shape": model.shape,
                "size": model.sampler.latent,
                "noise": config.noise,
                "classes": model.sampleable_classes,
                "conditional": config.conditional,
                # InfoGAN's continuous codes are the first dimensions of z.
                "continuous": config.continuous if config.conditional == "infogan" else 0,
            }
        )

    def z(self, request: Request) -> Response:
        """z of ``count`` samples of ``seed`` from number ``first`` on: float32 ``[count, Z]``."""
        first, count = number(request, "first", 0), number(request, "count")
        seed = number(request, "seed", 0)
        if seed < 0:
            raise Refused("the seed must be at least 0", fields={"seed": "at least 0"})
        if not (first >= 0 and 1 <= count <= MOST_IMAGES and first + count <= NUMBERED):
            raise Refused(
                f"expected 1 to {MOST_IMAGES} samples with numbers 0 to {NUMBERED - 1}",
                fields={"number": f"0 to {NUMBERED - 1}"},
            )
        sampler = self._opened(request).model.sampler
        return Bytes(_floats(sampler.z(first + count, seed)[first:]))

    def moves(self, request: Request) -> Response:
        """The noise of arithmetic's eight neighbours, as ``forgery arithmetic`` draws it."""
        from .. import latent

        return Bytes(_floats(latent.moves(self._opened(request).model.sampler.latent)))

    def principal(self, request: Request) -> Response:
        """The principal directions of G's first features."""
        from .. import latent

        _, space = self._space(request)
        found = latent.principal_directions(space, DIRECTIONS)
        return Json(
            {
                "vectors": [_text(_floats(vector)) for vector in found.vectors],
                "shares": found.shares.tolist(),
                "layer": found.layer,
            }
        )

    async def pixels(self, request: Request) -> Response:
        """G(z): uint8 ``[n, C, H, W]``."""
        content = await body(request)
        return await run_in_threadpool(self._pixels, request, content)

    def _pixels(self, request: Request, content: bytes) -> Response:
        _, space, z = self._latents(request, content)
        return Bytes(_images(space.pictures(z)))

    async def discriminator(self, request: Request) -> Response:
        """What D says of G(z), beside what it says of other generated samples."""
        content = await body(request)
        return await run_in_threadpool(self._discriminator, request, content)

    def _discriminator(self, request: Request, content: bytes) -> Response:
        from ..parts import find

        opened, space, z = self._latents(request, content, most=1)
        logit = opened.logits(space, z).item()
        others = opened.logits_of_samples(space, COMPARED)
        objective = opened.model.config.objective
        undecided = find("objective", objective).undecided
        probability = None
        if undecided is not None:
            probability = 1 / (1 + np.exp(-np.clip(logit - undecided, -80, 80)))
        return Json(
            {
                "logit": logit,
                "probability": probability,
                "lower": (others < logit).double().mean().item(),
                "of": COMPARED,
                "objective": objective,
            }
        )

    async def nearest(self, request: Request) -> Response:
        """The training image nearest to G(z), by pixels."""
        content = await body(request)
        return await run_in_threadpool(self._nearest, request, content)

    def _nearest(self, request: Request, content: bytes) -> Response:
        from .. import latent
        from ..pixels import as_stored

        opened, space, z = self._latents(request, content, most=1)
        data = opened.dataset()
        found = latent.nearest(as_stored(space.pictures(z)), data.values)
        row = int(found.rows[0])
        label = "" if data.labels is None or not data.classes else data.classes[data.labels[row]]
        return Json(
            {
                "row": row,
                "of": len(data),
                "distance": found.distances[0].item(),
                "class": label,
                "pixels": _text(data.values[row].numpy().tobytes()),
            }
        )

    async def picture(self, request: Request) -> Response:
        """An uploaded picture, in the shape of the run's images: uint8 ``[C, H, W]``."""
        try:
            content = await body(request, MOST_UPLOADED)
        except Refused as error:
            # Without the rest of the body, which is not read.
            answer = await refused(request, error)
            answer.headers["connection"] = "close"
            return answer
        return await run_in_threadpool(self._picture, request, content)

    def _picture(self, request: Request, content: bytes) -> Response:
        from .. import latent
        from ..parts import image_settings

        model = self._opened(request).model
        with self._decoding:
            image = latent.picture_of(
                content, "the picture", model.shape, image_settings(model.config)
            )
        return Bytes(_images(image))

    async def invert(self, request: Request) -> Response:
        """Start the search for the z of a picture, uint8 ``[C, H, W]``; the answer is its task."""
        content = await body(request, MOST_UPLOADED)
        return await run_in_threadpool(self._invert, request, content)

    def _invert(self, request: Request, content: bytes) -> Response:
        import torch

        from .. import latent
        from ..pixels import to_model

        opened, space = self._space(request)
        shape = opened.model.shape
        if len(content) != np.prod(shape):
            raise Refused(
                f"the picture has {len(content)} bytes, but the generator's images are "
                f"{' × '.join(map(str, shape))}"
            )
        wanted = to_model(torch.frombuffer(bytearray(content), dtype=torch.uint8).view(1, *shape))

        def work(report: Report) -> dict[str, Any]:
            found = latent.invert(
                space, wanted, STARTS, STEPS, report=lambda done, of: report("search", done, of)
            )
            return {
                "z": _text(_floats(found.z)),
                "pixels": _text(_images(found.pictures)),
                "error": found.errors[0, 0].item(),
                "before": found.nearest[0].item(),
            }

        return Json({"task": self._tasks.start(work)})

    def concepts(self, request: Request) -> Response:
        """Start to find out which attributes or classes a classifier of the data knows."""
        opened = self._opened(request)

        def work(report: Report) -> dict[str, Any]:
            classifier = opened.classifier(
                lambda epoch, loss: report("classifier", epoch, 0)  # raises if it is stopped
            )
            return {"names": list(classifier.names), "exclusive": classifier.exclusive}

        return Json({"task": self._tasks.start(work)})

    def direction(self, request: Request) -> Response:
        """Start the search for the direction of ``attribute``."""
        from .. import latent

        opened, space = self._space(request)
        given = query(request, "attribute")

        def work(report: Report) -> dict[str, Any]:
            classifier = opened.classifier(lambda epoch, loss: report("classifier", epoch, 0))
            name, _ = latent.attribute(given, classifier.names)
            report("direction", 0, 0)
            found = latent.find_direction(space, classifier, name, samples=SAMPLES)
            return {
                "name": name,
                "vector": _text(_floats(found.vector)),
                "accuracy": found.probe_accuracy,
                "samples": found.samples,
                "having": found.having,
            }

        return Json({"task": self._tasks.start(work)})

    def task(self, request: Request) -> Response:
        """How far a task is, and what it gave."""
        return Json(self._tasks.state(query(request, "task")))

    def stop(self, request: Request) -> Response:
        """Stop a task."""
        self._tasks.stop(query(request, "task"))
        return Json({})

    def _opened(self, request: Request) -> Opened:
        step = number(request, "step") if request.query_params.get("step") else None
        return self._generators.get(query(request, "run"), step)

    def _space(self, request: Request) -> "tuple[Opened, Space]":
        opened = self._opened(request)
        return opened, opened.space(query(request, "class", ""))

    def _latents(
        self, request: Request, content: bytes, most: int = MOST_IMAGES
    ) -> "tuple[Opened, Space, Tensor]":
        """The space of a request, and the z in its body ``[n, Z]``."""
        import torch

        opened, space = self._space(request)
        n, rest = divmod(len(content), 4 * space.size)
        if rest or not 1 <= n <= most:
            raise Refused(
                f"expected z of {space.size} numbers (float32), for 1 to {most} images, not "
                f"{len(content)} bytes"
            )
        z = np.frombuffer(content, "<f4").reshape(n, space.size)
        if not np.isfinite(z).all():
            raise Refused("z has numbers that are not finite")
        return opened, space, torch.from_numpy(z.astype(np.float32))


def _floats(z: "Tensor") -> bytes:
    return z.numpy().astype("<f4").tobytes()


def _images(pictures: "Tensor") -> bytes:
    """Images in [-1, 1] as pixels."""
    from ..pixels import to_pixels

    return to_pixels(pictures).numpy().tobytes()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
