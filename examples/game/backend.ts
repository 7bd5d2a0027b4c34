import { createClient } from "../../client/client.ts";
import { post } from "../post.ts";

const [url = "http://127.0.0.1:8000"] = process.argv.slice(2);

interface Place {
  readonly x: number;
  readonly y: number;
}

/** A player has reached a coin. */
interface Claim {
  readonly coin: number;
  readonly by: string;
}

/** Places a coin every second. Coins are stored, so new players see the latest ones. */
async function layCoins(): Promise<never> {
  for (let n = 1; ; n++) {
    const data = { coin: n, x: Math.random(), y: Math.random() };
    await post(url, "/v1/publish", { channel: "game", event: "coin", data });
    await Bun.sleep(1000);
  }
}

/** A bot that plays like a person in a browser: it moves to the newest coin and takes it. */
function play(name: string): void {
  const game = createClient(url, { userId: name }).channel("game");
  let place: Place = { x: Math.random(), y: Math.random() };
  let goal: (Place & { readonly coin: number }) | undefined;
  const owners = new Map<number, string>();
  game.on("message", ({ event, data }) => {
    if (event === "coin") goal = data as typeof goal;
    if (event === "claim") receiveClaim(data as Claim);
  });
  setInterval(() => {
    // A position is soon out of date, so it is not stored. We do not need our own back either.
    void game.publish({ ...place }, { event: "moved", ephemeral: true, echo: false });
    if (goal === undefined) return;
    const step = Math.random() / 2; // a random part of the way, so that each bot is sometimes first
    place = { x: place.x + (goal.x - place.x) * step, y: place.y + (goal.y - place.y) * step };
    if (Math.hypot(goal.x - place.x, goal.y - place.y) > 0.05) return;
    void game.publish({ coin: goal.coin, by: name }, { event: "claim" });
    goal = undefined;
  }, 100);

  /** All players receive the claims in the same order, so they agree on who was first. */
  function receiveClaim({ coin, by }: Claim): void {
    const isLate = owners.has(coin);
    if (!isLate) owners.set(coin, by);
    if (by === name) console.log(`${name} ${isLate ? "was too late for" : "has"} coin ${coin}`);
  }
}

play("robot-1");
play("robot-2");
await layCoins();
