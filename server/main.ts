import { runCli } from "./cli/cli.ts";
import { processEnvironment } from "./cli/cli-environment.ts";
import { watchLauncher } from "./cli/launcher-pipe.ts";

const launcher = watchLauncher(process.env);
process.exitCode = await runCli(process.argv.slice(2), {
  ...processEnvironment,
  onLauncherGone: launcher.onGone,
  launcherPipe: launcher.descriptor,
});
launcher.close();
// Exit even if a timer or socket was left open: it must not keep a stopped server alive.
setTimeout(() => process.exit(), 2000).unref();
