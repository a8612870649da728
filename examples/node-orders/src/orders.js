/** @file The work of the service: it pretends to take orders and logs as a real service would. */

const CUSTOMERS = ["customer 11", "customer 24", "customer 37", "customer 42", "customer 58", "customer 63"];
const ITEMS = ["kettle", "lamp", "chair", "desk", "mug", "rug"];

let lastOrder = 1000;

class OutOfStockError extends Error {
  name = "OutOfStockError";
}

/**
 * Takes an order and logs one to three records, occasionally an error with its stack.
 *
 * @param {import("winston").Logger} logger
 */
export function handleOrder(logger) {
  lastOrder += 1;
  const order = lastOrder;
  const item = ITEMS[Math.floor(Math.random() * ITEMS.length)];
  const customer = CUSTOMERS[Math.floor(Math.random() * CUSTOMERS.length)];
  logger.http(`POST /orders 201 ${Math.ceil(Math.random() * 80)} ms`);
  if (Math.random() < 0.3) {
    logger.debug(`cart of ${customer} had ${Math.ceil(Math.random() * 5)} items`, { order });
  }
  try {
    reserve(item);
    logger.info(`order ${order} placed: ${item} for ${customer}`);
  } catch (error) {
    logger.error(`order ${order} failed`, error);
  }
}

/** @param {string} item */
function reserve(item) {
  if (Math.random() < 0.04) {
    throw new OutOfStockError(`no ${item} left`);
  }
}
