import { changedSettings } from "../config/changes.ts";
import type { Settings } from "../config/settings.ts";
import type { AuditTrail } from "../limits/audit-trail.ts";
import { fixedChanges } from "./fixed-settings.ts";

/**
 * The settings now on disk, for new workers.
 * @param read throws ConfigError if they are invalid
 * @throws ConfigError, or Error if settings changed that need a restart
 */
export function newSettings(current: Settings, read: () => Settings): Settings {
  const given = read();
  // PORT=0 was replaced by the port that the system chose.
  const settings = { ...given, port: given.port === 0 ? current.port : given.port };
  const changed = fixedChanges(current, settings);
  if (changed.length === 0) return settings;
  throw new Error(`${changed.join(", ")}: a reload cannot change this; undo the change, or restart the server`);
}

/** The same. The audit trail records the changes, or that the settings are invalid. @param by such as `reload 3` */
export function auditedSettings(
  current: Settings,
  read: () => Settings,
  { audit, by }: { readonly audit: Pick<AuditTrail, "record">; readonly by: string },
): Settings {
  const entry = { who: by, from: "the settings on disk" };
  try {
    const settings = newSettings(current, read);
    const changes = changedSettings(current, settings);
    if (changes.length > 0) audit.record({ ...entry, action: `changed ${changes.join(", ")}`, result: "ok" });
    return settings;
  } catch (error) {
    audit.record({ ...entry, action: "changed settings", result: "refused" });
    throw error;
  }
}
