import type { SpanContext } from "@opentelemetry/api";

/** The flag of a trace that is recorded. */
const sampledFlag = 1;

/**
 * Parses a W3C `traceparent`: https://www.w3.org/TR/trace-context/#traceparent-header. Later versions may have more fields.
 *
 *     00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *
 * @returns undefined for anything else; the standard says to ignore it
 */
export function parseTraceparent(text: string | null | undefined): SpanContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", rest] =
    /^\s*([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\s*$/.exec(text ?? "") ?? [];
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & sampledFlag, isRemote: true };
}

export function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & sampledFlag).toString(16).padStart(2, "0")}`;
}

export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & sampledFlag) !== 0;
}
