import type { Settings } from "../config/settings.ts";

/** Dependencies of a supervisor. */
export interface SupervisorStart {
  /** Whether the server runs in a terminal, where the user can press Ctrl+C. */
  readonly hasTerminal: boolean;
  /** Cancels the start, unless a worker serves clients already. */
  readonly signal?: AbortSignal;
  /** Reads the settings again, for a reload. @throws ConfigError */
  readSettings(): Settings;
  /** New workers have these settings. */
  onReloaded(settings: Settings): void;
  /** The file descriptor of the pipe to the launcher, if there is one. */
  readonly launcherPipe?: string | undefined;
}
