import { find } from "./element.ts";
import { tabMemory } from "./tab-memory.ts";

/**
 * Shows the token field. A new token may belong to another user, who must not see the messages of the previous one, so the
 * page is reloaded with it.
 */
export function offerTokenField(hasToken: boolean): void {
  const field = find("token", HTMLInputElement);
  find("access", HTMLElement).hidden = false;
  if (hasToken) field.placeholder = "A token is in use. Submit an empty field to remove it";
  find("token-form", HTMLFormElement).onsubmit = (event) => {
    event.preventDefault();
    const token = field.value.trim();
    tabMemory.write("token", token === "" ? undefined : token);
    tabMemory.write("user", undefined);
    location.reload();
  };
}
