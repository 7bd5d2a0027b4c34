import { readFileSync } from "node:fs";
import { SetupError } from "./programs.js";

/**
 * Fails if npm has swallowed flags that were meant for the server. `npm start --port 9000` sets npm's own setting `port` and
 * passes only `9000` on, and `npm start --port=9000` passes nothing on. npm passes on everything after `--`.
 *
 * @param {string} command as the user types it: `npm start`
 * @param {readonly string[]} args what npm has passed on
 * @throws {SetupError} with the line to type instead
 */
export function refuseSwallowedFlags(command, args) {
  const flags = settingNames().flatMap((name) => {
    const value = process.env[`npm_config_${name}`];
    return value === undefined ? [] : [{ flag: `--${name.replaceAll("_", "-")}`, value }];
  });
  if (flags.length === 0) return;
  const words = flags.map(({ flag, value }) => (value === "true" ? flag : `${flag}=${value}`));
  // npm passes on only the value of `--port 9000`. With two such flags, it is unknown which value belongs to which flag.
  const isClear = args.length === 0 || (args.length === 1 && words.length === 1);
  const line = [command, "--", ...(isClear ? [...words, ...args] : words.map((word) => `${word} …`))].join(" ");
  const names = flags.map(({ flag }) => flag).join(", ");
  throw new SetupError(`npm did not pass ${names} on to the server. Put -- in front of the server's flags:\n  ${line}`);
}

/**
 * All settings, named as in the settings file: `history_size` is `--history-size`.
 *
 * @returns {readonly string[]}
 */
function settingNames() {
  const { properties } = JSON.parse(readFileSync("docs/config.schema.json", "utf8"));
  const isFlag = (/** @type {string} */ name) => name !== "$schema" && name !== "channels";
  return ["config", ...Object.keys(properties).filter(isFlag)];
}
