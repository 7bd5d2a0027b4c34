/** Publishes this many messages to each of the channels `room:0`, `room:1`, … */
export async function publishEverywhere(port: number, channels: number, times: number): Promise<void> {
  const names = Array.from({ length: channels }, (_, n) => `room:${n}`);
  for (let time = 0; time < times; time++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/publish`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ channels: names, message: `message ${time} ${"x".repeat(80)}` }),
    });
    if (!answer.ok) throw new Error(`a publish request failed with ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
  }
}
