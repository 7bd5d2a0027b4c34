import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Since } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { TracedPublication } from "../trace/facts.ts";
import type { ApiDependencies, Call } from "./call.ts";

/** How many of the latest publications are searched for an id. */
const searched = 1000;

/** Which publication of the channel is meant. */
export type Wanted =
  | { readonly by: "id"; readonly id: string }
  | { readonly by: "offset"; readonly offset: number }
  | { readonly by: "latest" };

/** The publication that a trace is about, as far as it can be found. */
export interface FoundPublication {
  /** Undefined if the channel has no such publication. */
  readonly traced: TracedPublication | undefined;
  /** Undefined if it is no longer in the history. */
  readonly publication: Publication | undefined;
  /** Says what was found, or why nothing was. */
  readonly sentence: string;
}

/** Finds a publication without creating the channel. @throws ServiceError what reading the history throws */
export async function findPublication(
  { hub, directory }: ApiDependencies,
  call: Call,
  { channel, wanted }: { readonly channel: ChannelName; readonly wanted: Wanted },
): Promise<FoundPublication> {
  const top = (await directory.summary(channel))?.top;
  if (top === undefined || top.offset === 0) return nothing(`Nothing was ever published to ${channel}`);
  const read = (since: Since, limit: number) => hub.history({ channel, since, limit }, call.account);
  if (wanted.by === "id") {
    const first = await read({ from: "last", count: searched }, searched);
    for (let page = first; ; ) {
      const publication = page.publications.find(({ id }) => id === wanted.id);
      if (publication !== undefined) return found(publication);
      const last = page.publications.at(-1);
      if (last === undefined || last.offset >= page.top.offset) break;
      page = await read({ from: "position", position: { epoch: page.top.epoch, offset: last.offset } }, searched);
    }
    return nothing(
      `The history of ${channel} has no publication with the id ${wanted.id} among its last ${searched}: it was not stored here, was ephemeral, or is no longer in the history`,
    );
  }
  const offset = wanted.by === "latest" ? top.offset : wanted.offset;
  if (offset > top.offset) return nothing(`${channel} has no offset ${offset} yet: the last one is ${top.offset}`);
  const { publications } = await read({ from: "position", position: { epoch: top.epoch, offset: offset - 1 } }, 1);
  const [publication] = publications;
  if (publication?.offset === offset) return found(publication);
  const traced = { channel, epoch: top.epoch, offset };
  return {
    traced,
    publication: undefined,
    sentence: `Offset ${offset} of ${channel} is no longer in the history, so it is not known which connection its publisher excluded`,
  };
}

function found(publication: Publication): FoundPublication {
  const { channel, id, epoch, offset, timestamp, excludeConnectionId } = publication;
  const excluded = excludeConnectionId === undefined ? {} : { excluded: excludeConnectionId };
  const sentence = `${id} is offset ${offset} of ${channel}, published at ${new Date(timestamp).toISOString()}`;
  return { traced: { channel, epoch, offset, id, ...excluded }, publication, sentence };
}

function nothing(sentence: string): FoundPublication {
  return { traced: undefined, publication: undefined, sentence };
}

/** @throws ServiceError "bad-request" */
export function wantedOf(query: URLSearchParams): Wanted {
  const id = query.get("id");
  const offset = query.get("offset");
  if (id && offset) throw new ServiceError("bad-request", "expected id or offset, got both", { field: "offset" });
  if (id) return { by: "id", id };
  if (!offset) return { by: "latest" };
  if (/^[1-9][0-9]{0,14}$/.test(offset)) return { by: "offset", offset: Number(offset) };
  const got = JSON.stringify(offset.slice(0, 60));
  throw new ServiceError("bad-request", `offset: expected a whole number from 1, got ${got}`, { field: "offset" });
}
