import { expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import type { Draft } from "../../protocol/publication.ts";
import { nameOf, usualRules } from "../../tests/fakes/hub.ts";
import { Publishing, type PublishingParts } from "./publishing.ts";

const full = new ServiceError("overloaded", "the server has reached MAX_MEMORY");

function publishingWith(more: Partial<PublishingParts>) {
  const stored: Draft[] = [];
  const publish: PublishingParts["broker"]["publish"] = (draft) => {
    stored.push(draft);
    return { id: "1", position: { epoch: "e", offset: 1 }, duplicate: false, listeners: 0 } as never;
  };
  const parts = {
    broker: { publish },
    historyRules: () => usualRules,
    knownName: () => undefined,
    maxMessageBytes: 1000,
    memory: undefined,
    tracing: undefined,
    onPublished: undefined,
    ...more,
  };
  return { publishing: new Publishing(parts), stored };
}

const draft: Draft = { channel: nameOf("room"), message: "m" };

test("nothing is stored while the memory is full", () => {
  let isFull = true;
  const check = () => {
    if (isFull) throw full;
  };
  const { publishing, stored } = publishingWith({ memory: { check } });
  expect(() => publishing.publish(draft)).toThrow(full);
  expect([stored.length, publishing.count]).toEqual([0, 0]);
  isFull = false;
  void publishing.publish(draft);
  expect([stored.length, publishing.count]).toEqual([1, 1]);
});
