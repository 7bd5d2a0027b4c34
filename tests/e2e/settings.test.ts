import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { declarations } from "../../server/config/options.ts";
import { Shared } from "../shared.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { accessGroup } from "./settings/access.ts";
import { hooksGroup } from "./settings/hooks.ts";
import { httpGroup } from "./settings/http.ts";
import { bodiesGroup, limitsGroup, memoryGroup, shareGroup } from "./settings/limits.ts";
import { redisGroup, replicasGroup } from "./settings/more-machines.ts";
import { schedulesGroup } from "./settings/schedules.ts";
import { sendingGroup } from "./settings/sending.ts";
import type { SettingsGroup } from "./settings/setting.ts";
import { storageGroup } from "./settings/storage.ts";
import { disabledGroup, noExporterGroup, tracesEndpointGroup, tracesGroup } from "./settings/telemetry.ts";
import { tlsGroup } from "./settings/tls.ts";
import { webhooksGroup } from "./settings/webhooks.ts";

const groups: readonly SettingsGroup[] = [
  ...[httpGroup, accessGroup, limitsGroup, shareGroup, memoryGroup, bodiesGroup, storageGroup],
  ...[tlsGroup, sendingGroup, schedulesGroup, hooksGroup, webhooksGroup, redisGroup, replicasGroup],
  ...[tracesGroup, tracesEndpointGroup, noExporterGroup, disabledGroup],
];

test("each setting is demonstrated once", () => {
  const shown = groups.flatMap(({ settings }) => Object.keys(settings));
  expect(shown.toSorted()).toEqual(declarations.map(({ key }) => key).toSorted());
});

describe.each(groups)("$name: on a running server,", ({ base, prepare, settings }) => {
  const shared = new Shared();
  const stack = new AsyncDisposableStack();
  let server: ServerUnderTest;
  let control: ServerUnderTest | undefined;

  beforeAll(async () => {
    const { env = {}, flags = [] } = (await prepare?.(stack)) ?? {};
    const values = declarations.flatMap(({ key, name }) => {
      const { value } = settings[key] ?? {};
      return value === undefined ? [] : [[name, value]];
    });
    const needsControl = Object.values(settings).some(({ hasNoControl }) => hasNoControl === undefined);
    const starting = shared.use(startServer({ env: { ...base, ...Object.fromEntries(values), ...env }, flags }));
    if (needsControl) control = await shared.use(startServer({ env: base }));
    server = await starting;
  });
  afterAll(async () => {
    await shared.close();
    await stack.disposeAsync();
  });

  test.each(Object.keys(settings))("%s has an effect", async (key) => {
    const { observe, expected, hasNoControl } = settings[key] ?? {};
    expect(await observe?.(server)).toEqual(expected);
    if (hasNoControl === undefined && control !== undefined) expect(await observe?.(control)).not.toEqual(expected);
  });
});
