/** Limits for the fields of a schedule. Seconds, unless stated otherwise. */
export const scheduleLimits = {
  /** Names that begin with `$` are the server's. See also `isDots`. */
  idPattern: /^[A-Za-z0-9_=@,.:-]{1,64}$/,
  idRule: "1 to 64 of the characters A-Z a-z 0-9 _ = @ , . : -, but not . or .. alone",
  delayS: { min: 0, max: 315_360_000 },
  everyS: { min: 1, max: 31_536_000 },
  jitterS: { min: 0, max: 86_400 },
  catchUpWindowS: { min: 0, max: 604_800, default: 3600 },
  runs: { max: 1_000_000_000 },
  catchUps: ["skip", "last", "all"],
} as const;
