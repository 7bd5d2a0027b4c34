import { launch } from "../bin/launch.js";
import { refuseSwallowedFlags } from "./npm-flags.js";
import { installPackages, runScript } from "./setup.js";

/** `npm start -- --port 9000`: installs missing packages, then runs the server until it exits. */
await runScript(async () => {
  refuseSwallowedFlags("npm start", process.argv.slice(2));
  await installPackages({ forDevelopment: false });
  return launch(["start", ...process.argv.slice(2)]);
});
