import { getConfig, getLogger } from "@logtape/logtape";
import type { Draft } from "../../protocol/publication.ts";
import type { Published } from "../broker/broker.ts";
import { bytesOf } from "../broker/cost-of.ts";
import type { Chat } from "./commands/dependencies.ts";

/** Looked up once: finding a logger by name costs more than encoding a publication. */
const log = getLogger(["fanfare", "hub"]);

/** Logs without the body, which may be private. */
export function logPublished(draft: Draft, { id, position, duplicate }: Published): void {
  if (!isLogged()) return;
  const place = position === undefined ? "ephemeral" : "offset {offset}";
  const end = duplicate ? ", a duplicate" : "";
  log.debug(`Published to {channel}: id {id}, ${place}, {bytes} bytes${end}`, {
    channel: draft.channel,
    id,
    ...(position && { offset: position.offset }),
    bytes: bytesOf(draft),
    duplicate,
  });
}

export function logChat({ sender = "anonymous" }: Chat): void {
  log.info("Broadcasting message from {sender}", { sender });
}

/**
 * Asked again only after logging was reconfigured: for each answer the logging library searches the global object several
 * times (bench/direct --batch 100 --offline: 5 to 7 % of an item).
 */
function isLogged(): boolean {
  const config = getConfig();
  if (config !== known.config) {
    known.config = config;
    known.isLogged = log.isEnabledFor("debug");
  }
  return known.isLogged;
}

const known: { config: unknown; isLogged: boolean } = { config: undefined, isLogged: false };
