/**
 * The configured storage cannot be used, and the operator can fix it. The message
 * names the setting, what is wrong, and what to do.
 */
export class UnusableStorage extends Error {
  override readonly name = "UnusableStorage";
}
