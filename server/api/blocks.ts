import { isoTime, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import { KnownFields } from "../../protocol/known-fields.ts";
import type { Block, BlockKind } from "../auth/block-list.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { blockRequest, maxBlockS, reasonLength, tokenIdLength } from "./about/blocks.ts";
import { type ApiDependencies, type Call, ok, type Reply, userIdIn, type Verb } from "./call.ts";

/** Blocks per page. */
const pageSize = 100;
const blockFields = Object.keys(blockRequest.properties ?? {});
const knownBlockFields = new KnownFields(blockFields);

/** `POST /v1/users/{id}/block` */
export const blockUser = blockVerb("user");
/** `DELETE /v1/users/{id}/block` */
export const liftUser = liftVerb("user");
/** `POST /v1/tokens/{id}/block` */
export const blockToken = blockVerb("token");
/** `DELETE /v1/tokens/{id}/block` */
export const liftToken = liftVerb("token");

/** `GET /v1/blocks?page=` */
export async function listBlocks({ blocks }: ApiDependencies, { query }: Call): Promise<Reply> {
  const text = query.get("page") ?? "0";
  if (!/^[0-9]{1,6}$/.test(text)) throw fields.invalid("page", "the next_page of the previous response", text);
  const from = Number(text) * pageSize;
  const all = blocks.all();
  const next = all.length > from + pageSize ? String(Number(text) + 1) : undefined;
  return ok({ blocks: all.slice(from, from + pageSize).map(describe), ...present({ next_page: next }) });
}

function blockVerb(kind: BlockKind): Verb {
  return async ({ blocks, clock }, call) => {
    const name = nameOf(kind, call);
    const object = call.body.trim() === "" ? {} : fields.parseObject(call.body, knownBlockFields);
    refuseUnknownNames(fields.unknownIn(object), blockFields, "field");
    const blockedAtMs = clock.now();
    const expiresInS = expiryOf(object);
    const untilMs = expiresInS === undefined ? undefined : blockedAtMs + expiresInS * 1000;
    const reason = fields.optionalText(object, "reason", reasonLength);
    const block: Block = { kind, name, blockedAtMs, untilMs, reason };
    return ok({ ...describe(block), closed: await blocks.block(block) });
  };
}

function liftVerb(kind: BlockKind): Verb {
  return async ({ blocks }, call) => {
    const name = nameOf(kind, call);
    await blocks.lift(kind, name);
    return ok({ lifted: name });
  };
}

/** @throws ServiceError "bad-request" */
function nameOf(kind: BlockKind, { params: { id = "" } }: Call): string {
  if (kind === "user") return userIdIn("id", id);
  if (id.length <= tokenIdLength) return id;
  throw new ServiceError("bad-request", `id: expected at most ${tokenIdLength} characters`, { field: "id" });
}

function expiryOf({ expires_in_s }: fields.Fields): number | undefined {
  if (expires_in_s === undefined || expires_in_s === null) return undefined;
  if (
    typeof expires_in_s === "number" &&
    Number.isInteger(expires_in_s) &&
    expires_in_s >= 1 &&
    expires_in_s <= maxBlockS
  )
    return expires_in_s;
  throw fields.invalid("expires_in_s", `whole seconds from 1 to ${maxBlockS}`, expires_in_s);
}

function describe({ kind, name, blockedAtMs, untilMs, reason }: Block) {
  return {
    kind,
    id: name,
    blocked_at: isoTime(blockedAtMs),
    ...present({ until: untilMs === undefined ? undefined : isoTime(untilMs), reason }),
  };
}
