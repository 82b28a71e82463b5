// All text of the pages, in one place, so that it can be translated.

export const words = {
  common: {
    title: "forgery lab",
    runs: "Runs",
    playground: "Playground",
    lost: "The lab has stopped. This page continues when it is started again.",
    changedToken: "The lab was started again with a new address. Open the one that it printed.",
    loading: "Loading …",
    failed: "This page failed:",
    noPage: "There is no such page.",
    dismiss: "Dismiss",
  },
  runs: {},
  playground: {},
  explorer: {},
  spotting: {},
};
