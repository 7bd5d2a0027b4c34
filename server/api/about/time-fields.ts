import { isoTimePattern, isoTimeRule } from "../../lib/iso-time.ts";
import { scheduleLimits } from "../schedule-limits.ts";
import { type JsonSchema, text } from "./json-schema.ts";

export const atField = text(`When to publish once: ${isoTimeRule}.`, {
  pattern: isoTimePattern.source,
});

export const delayField = seconds("Publish once, this long after the request.", scheduleLimits.delayS);

export function seconds(
  description: string,
  { min, max, default: otherwise }: { readonly min: number; readonly max: number; readonly default?: number },
): JsonSchema {
  return {
    type: "number",
    description,
    minimum: min,
    maximum: max,
    ...(otherwise === undefined ? {} : { default: otherwise }),
  };
}
