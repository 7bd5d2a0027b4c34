import { expect, test } from "bun:test";
import type { Hub } from "../hub/hub.ts";
import { makePublishOccurrence } from "./publish-occurrence.ts";

type Publish = Hub["publish"];

test.each([
  ["an occurrence has the id of the request, if there is one", true, "own"],
  ["a trigger has its own, so that the occurrence at its time is no duplicate of it", false, "daily:trigger:k1"],
])("the publication of %s", async (_, allowsOwnId, id) => {
  const ids: (string | undefined)[] = [];
  const publish = ((draft) => {
    ids.push(draft.id);
    return Promise.resolve({});
  }) as Publish;
  const outcome = await makePublishOccurrence({ publish })({
    publish: '{"channel":"all","message":"hi","id":"own"}',
    id: "daily:trigger:k1",
    allowsOwnId,
    only: null,
  });
  expect([ids, outcome.total, outcome.remaining, outcome.failed]).toEqual([[id], 1, [], 0]);
});
