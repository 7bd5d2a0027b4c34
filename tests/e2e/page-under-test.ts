import type { BrowserContext, Locator, Page } from "playwright-core";
import { defaultTimeoutMs } from "../waiting.ts";
import { TabUnderTest } from "./browser.ts";

/** The page at `/` in a tab, as a person finds their way in it: by labels and roles. */
export class PageUnderTest {
  readonly tab: TabUnderTest;
  readonly page: Page;

  private constructor(tab: TabUnderTest) {
    this.tab = tab;
    this.page = tab.page;
    this.page.setDefaultTimeout(defaultTimeoutMs);
  }

  /** Resolves once it is connected. */
  static async open(context: BrowserContext, url: string): Promise<PageUnderTest> {
    const it = new PageUnderTest(await TabUnderTest.open(context, url));
    await it.untilConnected();
    return it;
  }

  /** Resolves once it says that it is connected. */
  untilConnected(): Promise<void> {
    return this.#untilState("Connected");
  }

  /** Resolves once it says that it is not connected and will reconnect by itself. */
  untilLost(): Promise<void> {
    return this.#untilState(/Reconnecting|Offline/);
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  field(name: string): Locator {
    return this.page.getByLabel(name, { exact: true });
  }

  /** The lines that bear a message, oldest first, as a person reads them. */
  get messages(): Locator {
    return this.page.getByRole("log").locator("li:has(.place b)");
  }

  /** Resolves once a line has this text. */
  async untilRead(text: string): Promise<void> {
    await this.page.getByRole("log").getByText(text).last().waitFor();
  }

  /** The texts of all messages, without the time and the sender before them. */
  async texts(): Promise<string[]> {
    const texts = await this.messages.locator(".body").allInnerTexts();
    return texts.map((it) => it.trim());
  }

  async send(text: string): Promise<void> {
    await this.field("Message").fill(text);
    await this.button("Send").click();
  }

  async join(channel: string): Promise<void> {
    await this.field("Channel to join").fill(channel);
    await this.button("Join").click();
    await this.button(`Leave ${channel}`).waitFor();
  }

  async #untilState(text: string | RegExp): Promise<void> {
    await this.page.getByRole("banner").getByRole("status").filter({ hasText: text }).waitFor();
  }
}
