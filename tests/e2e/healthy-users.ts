import { makeToken } from "../../server/auth/token.ts";
import { SocketUnderTest } from "./socket.ts";

export const apiKey = "5f2c81d09be7463aa1";
export const jwtSecret = "a secret of thirty-two bytes or more";

/** The server that is used. */
export interface HealthyTarget {
  readonly wsUrl: string;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** A token that allows this user everything. */
export function tokenOf(sub: string): Promise<string> {
  return makeToken({ secret: jwtSecret, sub, subscribe: ["*"], publish: ["*"], expiresInS: 3600 });
}

/** Publishes with a user's token, or with the API key. */
export async function publish(server: HealthyTarget, user: string | undefined, body: object): Promise<Response> {
  const credential = user === undefined ? apiKey : await tokenOf(user);
  return server.request("POST", "/v1/publish", body, { Authorization: `Bearer ${credential}` });
}

/** The observations of healthy users. */
export interface Health {
  readonly failures: readonly string[];
  /** Milliseconds from each publish to its delivery. */
  readonly delays: readonly number[];
}

/**
 * The usual actions of users, repeated in rounds: a new user connects, gets a push from the backend, publishes into a new
 * channel with an id, and finds the backend's first message in the history.
 */
export async function useNormally(server: HealthyTarget, rounds: number): Promise<Health> {
  const failures: string[] = [];
  const delays: number[] = [];
  const answered = async (what: string, answer: Promise<Response>) => {
    const response = await answer;
    const body = await response.text();
    if (!response.ok) failures.push(`${what}: ${response.status} ${body}`);
    return body;
  };
  await answered("the first message", publish(server, undefined, { channel: "news", message: "first" }));
  for (let round = 0; round < rounds; round++) {
    const user = `healthy-${round}`;
    const channel = `private:${round}`;
    try {
      using socket = await SocketUnderTest.open(`${server.wsUrl}?channel=${channel}&token=${await tokenOf(user)}`);
      const began = performance.now();
      const push = publish(server, undefined, { user_id: user, message: "push", id: `order-${round}` });
      const receipt = await answered("a push", push);
      if (receipt.includes('"duplicate":true')) failures.push(`a push was taken for a duplicate: ${receipt}`);
      await socket.until(({ message }) => message === "push");
      delays.push(performance.now() - began);
      socket.send({ type: "publish", channel, message: "mine", id: `${round}` });
      await socket.until(({ message }) => message === "mine");
    } catch (error) {
      failures.push(String(error));
    }
  }
  const history = server.request("GET", "/v1/channels/news/history?since=earliest", undefined, {
    Authorization: `Bearer ${apiKey}`,
  });
  if (!(await answered("the history", history)).includes('"first"')) failures.push("the first message is gone");
  return { failures, delays };
}
