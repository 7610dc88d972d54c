import type { DeliveryId } from '../message/ids.ts';
import type { Priority } from '../message/message.ts';
import type { LeasedDelivery } from './spool.ts';

/** A delivery about to be accepted. */
export type FreshDelivery = {
  readonly id: DeliveryId;
  readonly domain: string;
  readonly client: string;
  readonly priority: Priority;
  /** Of the whole content, which stays in memory until the first attempt. */
  readonly sizeBytes: number;
  readonly dueAtMs: number;
};

/**
 * How fresh mail goes to its own node's lanes together with `accept`: leased already, content in memory, so that the
 * common case never reads the store. Ingress calls it, the scheduler implements it.
 */
export type Handoff = {
  /** @returns the end of the lease to ask for; null: no room, or not due yet: leave it queued in the store */
  reserve(delivery: FreshDelivery): number | null;
  /** Accepted and durable: try them. Only what was reserved. @param content null: as the store has it */
  take(leased: readonly LeasedDelivery[], content: Buffer | null): void;
  /** Not accepted after all, or a duplicate: the room is free again. */
  cancel(ids: readonly DeliveryId[]): void;
  /** Something was queued in the store outside the hand-off: claim soon. */
  wake(): void;
};
