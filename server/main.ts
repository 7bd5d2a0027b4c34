import { runCli } from "./cli/cli.ts";
import { watchLauncher } from "./cli/launcher-pipe.ts";
import { processWorld } from "./cli/world.ts";

const launcher = watchLauncher(process.env);
process.exitCode = await runCli(process.argv.slice(2), { ...processWorld, onLauncherGone: launcher.onGone });
launcher.close();
// What is left now is a timer or a socket that was not closed. It must not keep a server alive that has stopped.
setTimeout(() => process.exit(), 2000).unref();
