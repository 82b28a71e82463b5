// The text of the page, but for that of samples.

export const pageWords = {
  lead: ({ latent, width, height, data }) =>
    `This page holds a neural network, a generator G. It turns z, a list of ${latent} random numbers, into an image of ${width} × ${height} pixels, and has learnt this from the data set ${data}. `
    + "Your browser computes every image below: the page loads nothing and sends nothing.",
  newSample: "New sample",
  newSampleKey: "N",
  newSamples: "New samples",
  terminal: "As in the terminal",
  terminalTitle: (n) => `The first ${n} samples that forgery sample draws, with its seed 0`,
  gridNote: "Click a sample, or press Enter on it, to hold it; click again to let it go.",
  fromTerminal: (n, classes) => `These are the first ${n} samples that “forgery sample” draws (seed 0${classes ? ", with --class" : ""}).`,
  fromSeed: "Drawn here, with a small random number generator that is not PyTorch's: the same seed gives the same samples on this page only.",
  seedOf: (seed) => `page-${seed}`,
  sampleOf: (seed, number) => `#${number} of page seed ${seed}`,
  seed: "page seed",
  mustBe: "a whole number from 0 to 4,294,967,295",
  drawing: (n) => `drawing ${n} images …`,
  took: (ms) => `${ms < 1 ? ms.toFixed(1) : ms.toFixed(0)} ms for an image`,
  sliders: "What the sliders do",
  about: "About this page",
  facts: {
    data: "data", recipe: "recipe", model: "model", step: "training step", shape: "image", latent: "z",
    weights: "weights", products: "products for an image", date: "page made", forgery: "trained with",
  },
  models: { gan: "generative adversarial network (GAN)", vae: "variational auto-encoder (VAE), its decoder" },
  image: ([channels, height, width]) => `${width} × ${height} pixels, ${channels === 1 ? "grey" : "colour"}`,
  noise: (latent, noise) => `${latent} numbers, ${noise === "uniform" ? "uniform between −√3 and √3" : "normally distributed"}`,
  numbers: (n) => n.toLocaleString("en"),
  accuracy: (share) =>
    `The weights are stored with 16 bits each. On ${share.samples} samples, all pixels were within ${(Math.ceil(2550 * share.most) / 10).toFixed(1)} of 255 levels of what PyTorch computes with 32 bits.`,
  licence: "The page says nothing about who may use the weights, or the images that they were trained on: ask whoever gave it to you.",
  failed: "This page cannot draw:",
};
