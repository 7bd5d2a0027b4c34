import { post } from "../post.ts";

const [url = "http://127.0.0.1:8000"] = process.argv.slice(2);
const customers = ["alice", "bob"];
const steps = ["received", "cooking", "on its way", "delivered"];

/** A shop: each order goes through the steps. Customers are notified of their own orders, the staff of all orders. */
for (let number = 1; ; number++) {
  const customer = customers[number % customers.length] ?? "alice";
  void fulfil(number, customer);
  await Bun.sleep(1500);
}

async function fulfil(number: number, customer: string): Promise<void> {
  for (const [index, status] of steps.entries()) {
    const data = { order: number, customer, status };
    // An id per step: if this request were retried after a failure, nobody would see the step twice.
    const event_id = `order-${number}-${index}`;
    await post(url, "/sse/push", { user_id: customer, event_type: "order", event_id, data });
    await post(url, "/v1/publish", { channel: "orders", event: "order", id: event_id, data });
    await Bun.sleep(800);
  }
}
