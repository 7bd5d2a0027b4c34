import fc from "fast-check";
import { replayCommand, seed } from "./seed.ts";

// Every property test imports fast-check from here, so that FANFARE_SEED replays all of them.
fc.configureGlobal({
  seed,
  reporter: (details) => {
    if (details.failed) throw new Error(`${fc.defaultReportMessage(details)}\nReplay: ${replayCommand()}`);
  },
});

export { fc };
