import type { BrowserContext, Locator, Page } from "playwright-core";
import { TabUnderTest } from "./browser.ts";

const timeoutMs = 15_000;

/** The page at `/` in a tab, as a person has it before them: what it shows, by the words and roles that it shows it with. */
export class PageUnderTest {
  readonly tab: TabUnderTest;
  readonly page: Page;
  /** Where messages and the page's own words stand. */
  readonly log: Locator;
  readonly state: Locator;
  readonly messageField: Locator;

  private constructor(tab: TabUnderTest) {
    const { page } = tab;
    this.tab = tab;
    this.page = page;
    page.setDefaultTimeout(timeoutMs);
    this.log = page.getByRole("log", { name: "Messages" });
    this.state = page.getByRole("banner").getByRole("status");
    this.messageField = page.getByRole("textbox", { name: "Message" });
  }

  /** Resolves once it is connected, unless another state is waited for. @param path such as `/?user_id=alice` */
  static async open(context: BrowserContext, url: string, path = "/", state = "Connected"): Promise<PageUnderTest> {
    const shown = new PageUnderTest(await TabUnderTest.open(context, url + path));
    await shown.untilState(state);
    return shown;
  }

  /** Resolves once the header says so. */
  untilState(text: string): Promise<void> {
    return this.state.filter({ hasText: new RegExp(`^${text}$`) }).waitFor();
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** Types a message and sends it by the button. */
  async say(text: string): Promise<void> {
    await this.messageField.fill(text);
    await this.button("Send").click();
  }

  async join(channel: string): Promise<void> {
    await this.page.getByRole("textbox", { name: "Channel to join" }).fill(channel);
    await this.button("Join").click();
    await this.button(`Leave ${channel}`).waitFor();
  }

  /** The messages that it shows, with who said them, oldest first; not what the page itself says. */
  messages(): Promise<readonly string[]> {
    return this.log.locator("li:not(.notice, .warning) .body").allTextContents();
  }

  /** What the page itself has warned of. */
  warnings(): Promise<readonly string[]> {
    return this.log.locator("li.warning .body").allTextContents();
  }

  /** Resolves with all messages once one ends with this. */
  async untilShown(end: string): Promise<readonly string[]> {
    await this.log.getByRole("listitem").filter({ hasText: end }).last().waitFor();
    return this.messages();
  }
}
