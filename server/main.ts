import { runCli } from "./cli/cli.ts";
import { processWorld } from "./cli/world.ts";

process.exitCode = await runCli(process.argv.slice(2), processWorld);
// What is left now is a timer or a socket that somebody forgot; it must not keep a server alive that has stopped.
setTimeout(() => process.exit(), 2000).unref();
