/** Options that are declared but not built, with what they are for. Asking for one is an error, never silently ignored. */
export const notYet: Readonly<Record<string, string>> = {
  redisUrl: "joining machines through Redis",
  redisHost: "joining machines through Redis",
  redisPort: "joining machines through Redis",
  redisPrefix: "joining machines through Redis",
};
