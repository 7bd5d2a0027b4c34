/**
 * Sends JSON to a Fanfare server and returns the answer. A backend needs nothing else.
 * @throws Error with the server's answer if the server refuses the request
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
