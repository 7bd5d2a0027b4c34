import { scheduleRequest } from "../api/about/schedule-schemas.ts";
import { ruleFields } from "../channels/rule.ts";
import type { OptionKind } from "../lib/option.ts";
import { type Declared, declarations } from "./options.ts";
import { describeDefault } from "./options-page.ts";

type Schema = Readonly<Record<string, unknown>>;

/** The JSON Schema of the settings file, for editors: names, descriptions and types. The server itself checks more. */
export function configSchema(): string {
  const own = declarations.flatMap((declared) => [
    ...declared.names.map((name) => [name.toLowerCase(), schemaOf(declared)] as const),
    ...declared.fileNames.map((name) => [name.toLowerCase(), pathOf(declared)] as const),
  ]);
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Settings of Fanfare",
    type: "object",
    additionalProperties: false,
    patternProperties: { "^x-": true },
    properties: { $schema: { type: "string" }, ...Object.fromEntries(own), channels, schedules },
  };
  return `${JSON.stringify(schema, undefined, 2).replaceAll(wordList, onOneLine)}\n`;
}

/** The line width of the formatter. */
const lineWidth = 120;

/** A line that begins an array of strings, numbers and booleans, and the array. The formatter wants it on one line if it fits. */
const wordList = /^(.*)\[\n\s+((?:"[^"\n]*"|[\w.-]+)(?:,\n\s+(?:"[^"\n]*"|[\w.-]+))*)\n\s+\]/gm;

function onOneLine(lines: string, before: string, members: string): string {
  const line = `${before}[${members.replaceAll(/,\n\s+/g, ", ")}]`;
  return line.length < lineWidth ? line : lines;
}

const texts = { type: ["string", "number"] };
const switchWord = { enum: ["on", "off", true, false] };

const kinds: Readonly<Record<Exclude<OptionKind, "choice">, Schema>> = {
  duration: texts,
  bytes: texts,
  whole: { type: "integer" },
  toggle: switchWord,
  text: texts,
  list: { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
};

function schemaOf(declared: Declared): Schema {
  const { option } = declared;
  const value = describeDefault(declared);
  const words = (option.choices ?? []).flatMap((word) => [word, word.toLowerCase()]);
  return {
    description: `${option.help} Expected: ${option.rule}.${value === "" ? "" : ` Default: ${value}.`}`,
    ...(option.kind === "choice" ? { enum: [...new Set(words)] } : kinds[option.kind]),
  };
}

function pathOf({ name }: Declared): Schema {
  return { description: `Path of a file that contains ${name.toLowerCase()}.`, type: "string" };
}

const access = { enum: ["anyone", "authenticated", "token", "nobody"] };

/** The fields that are not text. */
const fieldKinds: Readonly<Record<string, Schema>> = {
  history_size: { type: "integer", minimum: 0 },
  presence: switchWord,
  presence_events: switchWord,
  subscribe: { enum: ["anyone", "authenticated", "hook", "token", "nobody"] },
  publish: access,
};

/** The fields are described for the HTTP API. */
const schedules = {
  description: "Schedules, each with an id. docs/schedules.md describes the fields.",
  type: "array",
  items: {
    ...scheduleRequest,
    required: ["id", "publish"],
  },
};

const channels = {
  description: "Channel rules. The first match wins.",
  type: "array",
  items: {
    type: "object",
    required: ["match"],
    additionalProperties: false,
    properties: {
      match: { type: "string", description: "A channel name, a prefix followed by *, or * for all channels." },
      ...Object.fromEntries(
        Object.entries(ruleFields).map(([name, expected]) => [
          name,
          { description: `Expected: ${expected}.`, ...(fieldKinds[name] ?? texts) },
        ]),
      ),
    },
  },
};
