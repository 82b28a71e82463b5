"""The identifiers of licences that the Hugging Face Hub knows.

Source: huggingface/hub-docs, docs/hub/repositories-licenses.md, without ``unknown`` and ``other``:
the latter needs the text of the licence in a file of its own.
"""

from ..errors import ForgeryError, did_you_mean

_LISTED = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear
c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0
cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl
ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1
lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa
unlicense zlib pddl lgpl-lr deepfloyd-if-license llama2 gemma
"""
LICENCES = tuple(_LISTED.split())


def check_licence(given: str | None) -> str:
    """The identifier of a licence.

    Raises
    ------
    ForgeryError
        If there is none, or the hub does not know it.
    """
    if given is None:
        raise ForgeryError(
            "a model on the hub states its licence: give --license, such as --license mit, "
            "apache-2.0 or cc-by-4.0"
        )
    if given.lower() in LICENCES:
        return given.lower()
    raise ForgeryError(f"the hub knows no licence {given!r}{did_you_mean(given.lower(), LICENCES)}")
