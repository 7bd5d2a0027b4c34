import { find } from "./element.ts";
import { tabMemory } from "./tab-memory.ts";

/**
 * Shows the field for a token. Another token may be another user, who must not see what the one before saw: so the page is
 * loaded anew with it.
 */
export function offerTokenField(hasToken: boolean): void {
  const field = find("token", HTMLInputElement);
  find("access", HTMLElement).hidden = false;
  if (hasToken) field.placeholder = "One is in use; send an empty field to forget it";
  find("token-form", HTMLFormElement).onsubmit = (event) => {
    event.preventDefault();
    const token = field.value.trim();
    tabMemory.write("token", token === "" ? undefined : token);
    tabMemory.write("user", undefined);
    location.reload();
  };
}
