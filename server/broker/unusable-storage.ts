/**
 * The place that the settings name cannot be stored in: for the person who started the server, who can change that. The
 * message names the setting, what is wrong, and the way out.
 */
export class UnusableStorage extends Error {
  override readonly name = "UnusableStorage";
}
