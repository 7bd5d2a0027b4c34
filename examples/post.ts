/**
 * Sends JSON to a Fanfare server and returns its answer; this is all that a backend needs.
 * @throws Error with what the server says, where it refuses
 */
export async function post(url: string, path: string, body: unknown): Promise<unknown> {
  const answer = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
