// The parsers are loaded with `require` when a file needs them: most servers have no settings file, and each parser takes 1 to
// 2 MB and 10 ms.

/**
 * Parses a settings file by the ending of its name.
 * @throws Error whose first line says what is wrong and where; further lines quote the file, which may contain a secret
 */
export function parseConfigText(path: string, text: string): unknown {
  if (path.endsWith(".json")) return JSON.parse(text);
  if (path.endsWith(".toml")) return parseToml(text);
  if (path.endsWith(".yaml") || path.endsWith(".yml")) return parseYaml(text);
  throw new Error("expected a file that ends in .yaml, .json or .toml");
}

function parseYaml(text: string): unknown {
  const { parse }: typeof import("yaml") = require("yaml");
  // Otherwise the library prints its warnings itself.
  return parse(text, { prettyErrors: true, logLevel: "error" });
}

function parseToml(text: string): unknown {
  const { parse, TomlError }: typeof import("smol-toml") = require("smol-toml");
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [reason = ""] = cause.message.split("\n");
    throw new Error(`${reason.replace(/:$/, "")} at line ${cause.line}, column ${cause.column}`, { cause });
  }
}
