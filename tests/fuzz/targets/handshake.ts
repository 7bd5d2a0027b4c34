import { parseChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import { TrustedProxies } from "../../../server/lib/client-address.ts";
import { parseHandshake } from "../../../server/transport/handshake.ts";
import { type FuzzTarget, kindOf, must } from "../target.ts";
import { checkOneLine, isWellFormed } from "../texts.ts";

const proxies = new TrustedProxies(["127.0.0.1"]);

/** The query of a handshake, and after a line break the values of headers: Last-Event-ID, Authorization, X-Forwarded-For. */
export function handshakeTarget(): FuzzTarget {
  return {
    name: "handshake",
    seeds: [
      "user_id=u1&channel=room:1&channel=a,b&since=last:5",
      "channels=a,b&token=a.b.c&takes_over=x\nall~e~1\nBearer a.b.c\n10.0.0.1, [2001:db8::1]:443",
      "user_id=%F0%9F%98%80&since=all~e~1\n\n\n::ffff:1.2.3.4",
    ],
    words: [
      "&channel=",
      "&user_id=",
      "&since=",
      "%ED%A0%80",
      "%0A",
      "%",
      "last:",
      "earliest",
      "Bearer ",
      "~e~1",
      "@",
      "10.0.0.1,",
    ],
    run(input) {
      const [query = "", lastEventId = null, authorization = null, forwarded = null] = input.split("\n");
      const headers = new Map(Object.entries({ "last-event-id": lastEventId, authorization }));
      const get = (name: string) => headers.get(name.toLowerCase()) ?? null;
      const url = `http://127.0.0.1/ws?${query.toWellFormed()}`;
      const request = { url, method: "GET", headers: { get, has: (name: string) => get(name) !== null } };
      const ip = proxies.clientOf("127.0.0.1", forwarded);
      checkOneLine(ip, "an address");
      try {
        const { channels, userId, token } = parseHandshake(request as unknown as Request, { ip, remote: `${ip}:1` });
        for (const channel of channels) must(parseChannelName(channel) === channel, "channels are valid");
        must(userId === undefined || isWellFormed(userId), "a user has no lone surrogates");
        const parts = [channels.length > 1, userId !== undefined, token !== undefined, ip !== "127.0.0.1"];
        return `accepted ${parts.map(Number).join("")}`;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        must(["bad-request", "unauthorized"].includes(error.code), `a wrong handshake is a bad request: ${error.code}`);
        return kindOf(`${error.code} ${error.message}`);
      }
    },
  };
}
