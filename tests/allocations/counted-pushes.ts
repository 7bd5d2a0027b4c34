import { Pusher } from "../../bench/direct/pusher.ts";
import { startServer } from "../e2e/server.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { until } from "../waiting.ts";
import { allocatedBytes, countingEnv, marksIn } from "./collections.ts";

/** The requests to send. The response to a request is awaited before the next one is sent on its connection. */
interface Pushes {
  readonly requests: number;
  /** Items per request. */
  readonly batch: number;
}

const connections = 2;
const user = "alice";
const data = { order: 42, text: "x".repeat(70) };

/**
 * Starts the real server and sends pushes to a user who is connected.
 * @returns the bytes that the server allocated per item
 * @throws Error if one is refused
 */
export async function bytesPerPush({ requests, batch }: Pushes): Promise<number> {
  await using server = await startServer({ main: "tests/allocations/counted-server.ts", env: countingEnv });
  using _client = await SocketUnderTest.open(`${server.wsUrl}?user_id=${user}`);
  const mark = async (count: number) => {
    process.kill(server.pid, "SIGWINCH");
    await until(() => marksIn(server.output) === count, "the server has marked its log");
  };
  const item = { user_id: user, data };
  const request =
    batch === 1
      ? { path: "/sse/push", body: JSON.stringify(item) }
      : { path: "/sse/push/batch", body: JSON.stringify(Array.from({ length: batch }, () => item)) };
  const pusher = await Pusher.connect(server.port, connections, () => request);
  await pusher.repeat(requests / 10); // what runs only at first, such as the compiler, is not counted
  await mark(1);
  await pusher.repeat(requests);
  await mark(2);
  pusher.close();
  if (pusher.refused > 0) throw new Error(`the server refused ${pusher.refused} pushes`);
  return allocatedBytes(server.output) / (requests * batch);
}
