import type { Verb } from "../api/call.ts";
import type { Endpoint } from "../api/endpoint.ts";
import type { Tracing } from "../telemetry/tracing.ts";

/** The verb of an endpoint that publishes, in a span. If nothing is traced, and for other endpoints, the verb as it is. */
export function tracedVerb(
  { verb, publishes, method, path: route }: Pick<Endpoint, "verb" | "publishes" | "method" | "path">,
  tracing: Pick<Tracing, "request"> | undefined,
): Verb {
  if (tracing === undefined || publishes !== true) return verb;
  return (dependencies, call) => {
    const traceparent = call.headers.get("traceparent");
    const request = { method, route, traceparent, isTrusted: call.identity === undefined };
    return tracing.request(request, (own) => {
      call.traceparent = own;
      return verb(dependencies, call);
    });
  };
}
