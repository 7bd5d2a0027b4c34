import { afterEach, expect, test } from "bun:test";
import { resetSync } from "@logtape/logtape";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { configureLogging } from "../lib/logging.ts";
import { ReportingExporter } from "./reporting-exporter.ts";

afterEach(() => resetSync());

test("an outage is two lines, however long it is, and the next one is reported too", () => {
  const lines: string[] = [];
  configureLogging({ level: "INFO", format: "{level} {message}", write: (line) => void lines.push(line) });
  let error: Error | undefined;
  const exporter = new ReportingExporter(
    {
      export: (_, onResult) => onResult(error === undefined ? { code: 0 } : { code: 1, error }),
      shutdown: async () => undefined,
    },
    "http://collector",
  );
  const results: number[] = [];
  const send = (count: number) =>
    exporter.export(new Array<ReadableSpan>(count), ({ code }) => void results.push(code));
  send(1);
  error = new Error("ECONNREFUSED");
  for (const count of [2, 3]) send(count);
  error = undefined;
  for (const count of [1, 1]) send(count);
  error = new Error("503");
  send(1);
  expect(results).toEqual([0, 1, 1, 0, 0, 1]);
  expect(lines).toEqual([
    "WARNING Traces cannot be sent to http://collector: ECONNREFUSED\n",
    "INFO Traces are sent to http://collector again; 5 spans were lost\n",
    "WARNING Traces cannot be sent to http://collector: 503\n",
  ]);
});
