/** @file The work of the service: it pretends to charge cards and logs as a real service would. */

const PROVIDERS = ["northpay", "cardly", "bankdirect"];
const SLOW_MS = 900;

class PaymentTimeoutError extends Error {
  name = "PaymentTimeoutError";
}

/**
 * Makes a payment and logs one to three records, occasionally a warning or an error with its stack.
 *
 * @param {import("winston").Logger} logger
 */
export function handlePayment(logger) {
  const payment = crypto.randomUUID().slice(0, 8);
  const provider = PROVIDERS[Math.floor(Math.random() * PROVIDERS.length)];
  const amount = (Math.random() * 400 + 5).toFixed(2);
  logger.verbose(`payment ${payment}: asking ${provider}`);
  try {
    const tookMs = charge(provider);
    if (tookMs > SLOW_MS) {
      logger.warn(`${provider} took ${tookMs} ms, expected at most ${SLOW_MS} ms`, { payment });
    }
    logger.info(`payment ${payment} of ${amount} EUR accepted by ${provider}`);
  } catch (error) {
    logger.error(`payment ${payment} failed`, error);
  }
}

/**
 * @param {string} provider
 * @returns {number} how long it took, in milliseconds
 */
function charge(provider) {
  if (Math.random() < 0.03) {
    throw new PaymentTimeoutError(`${provider} did not answer within 5000 ms`);
  }
  return Math.ceil(Math.random() ** 4 * 1500);
}
