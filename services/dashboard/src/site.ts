export async function gatewayAddress(): Promise<string> { return `${window.location.hostname}:4317`; }
