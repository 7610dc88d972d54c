import { containsNetwork, parseNetwork } from './network.ts';

const LOOPBACK = ['127.0.0.0/8', '::1'].map(parseNetwork).filter((network) => network !== null);

/** Whether only this machine reaches it. @param address null: every address */
export function isLoopback(address: string | null): boolean {
  const network = address === null ? null : parseNetwork(address);
  return network !== null && LOOPBACK.some((loopback) => containsNetwork(loopback, network));
}
