import { describe, expect, test } from "bun:test";
import { testIf } from "../../tests/test-if.ts";
import { curlLine, shellWord } from "./curl.ts";

const open = { baseUrl: "http://127.0.0.1:8000", ssePath: "/sse/push", isSecured: false };

describe("the curl command", () => {
  test("posts the message to a channel", () => {
    expect(curlLine(open, "room/1")).toBe("curl http://127.0.0.1:8000/v1/channels/room%2F1/messages \\\n  -d 'Hello'");
  });

  test("pushes to the user of a personal channel", () => {
    const line = `curl http://127.0.0.1:8000/sse/push \\\n  -d '{"user_id":"alice","data":"Hello"}'`;
    expect(curlLine(open, "@alice")).toBe(line);
  });

  test("includes the API key if the server requires one", () => {
    expect(curlLine({ ...open, isSecured: true }, "all")).toContain('-H "Authorization: Bearer $API_KEY" \\\n');
  });

  testIf(process.platform !== "win32", "Windows has no sh").each([
    "it's",
    "$(id)",
    "`id`",
    "a b",
    '"',
    "\\",
    "!x",
    "é\n",
  ])("a shell reads %j back as one word", async (text) => {
    const shell = Bun.spawn(["sh", "-c", `printf %s ${shellWord(text)}`], { stdout: "pipe" });
    expect(await new Response(shell.stdout).text()).toBe(text);
  });
});
