import type { JsonSchema } from "../../api/about/json-schema.ts";
import { type Html, html, inline, type Piece } from "./html.ts";

/** A table of the members of an object, including nested ones; undefined if it has none. */
export function schemaTable(schema: JsonSchema): Html | undefined {
  const rows = rowsOf(schema, "");
  return rows.length === 0 ? undefined : fieldTable(rows);
}

/** A row of a table of fields. */
export interface FieldRow {
  readonly name: string;
  readonly isRequired: boolean;
  readonly schema: JsonSchema;
  /** Shown in addition to the schema's description. */
  readonly note?: Piece;
}

export function fieldTable(rows: readonly FieldRow[]): Html {
  return html`<div class="wide"><table>
<thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${rows.map(tableRow)}</tbody></table></div>`;
}

function tableRow({ name, isRequired, schema, note }: FieldRow): Html {
  const kind = html`${kindOf(schema)}${isRequired ? html`, required` : ""}`;
  return html`<tr><td><code>${name}</code></td><td class="kind">${kind}</td><td>${note}${meaningOf(schema)}</td></tr>
`;
}

/** `string`, `array of Message`, … */
function kindOf(schema: JsonSchema): Piece {
  const { $ref, type, items, anyOf, const: only } = schema;
  if ($ref !== undefined) return refLink($ref);
  if (only !== undefined) return html`<code>${JSON.stringify(only)}</code>`;
  if (anyOf !== undefined) return anyOf.map((it, index) => [index > 0 ? " or " : "", kindOf(it)]);
  if (items !== undefined) return ["array of ", kindOf(items)];
  if (type === undefined) return "any JSON";
  return typeof type === "string" ? type : type.join(" or ");
}

function refLink($ref: string): Html {
  const name = $ref.slice($ref.lastIndexOf("/") + 1);
  return html`<a href="#schema-${name}">${name}</a>`;
}

/** The description, and the rules in words. */
function meaningOf(schema: JsonSchema): Piece {
  const { description, enum: choices, default: otherwise, minimum, maximum, maxItems, maxLength, uniqueItems } = schema;
  const rules = [
    choices === undefined || choices.length > 5
      ? undefined
      : html`One of ${choices.map((it, index) => [index > 0 ? ", " : "", html`<code>${it}</code>`])}.`,
    maximum === undefined ? undefined : html`From ${minimum ?? 0} to ${maximum}.`,
    maxItems === undefined ? undefined : html`At most ${maxItems} items.`,
    uniqueItems === undefined ? undefined : html`Each item once.`,
    maxLength === undefined || description?.includes(String(maxLength))
      ? undefined
      : html`At most ${maxLength} characters.`,
    otherwise === undefined ? undefined : html`Default: <code>${String(otherwise)}</code>.`,
  ];
  return [description === undefined ? "" : inline(description), rules.map((it) => (it === undefined ? "" : [" ", it]))];
}

function rowsOf(schema: JsonSchema, prefix: string): readonly FieldRow[] {
  const { properties = {}, required = [], items, anyOf = [], additionalProperties } = schema;
  const own = Object.entries(properties).flatMap(([name, member]) => [
    { name: prefix + name, isRequired: required.includes(name), schema: member },
    ...rowsOf(member, `${prefix}${name}.`),
  ]);
  const ofItems = items === undefined ? [] : rowsOf(items, prefix === "" ? "[]." : `${prefix.slice(0, -1)}[].`);
  const others = additionalProperties === false ? undefined : additionalProperties;
  const ofOthers = others?.properties === undefined ? [] : rowsOf(others, `${prefix}*.`);
  return [...own, ...ofItems, ...ofOthers, ...anyOf.flatMap((it) => rowsOf(it, prefix))];
}
