import * as z from 'zod/mini';
import { WindtunnelError } from '../contract/index.ts';
import { armFailpoints, FAILPOINTS, type Failpoints, noFailpoints } from '../core/failpoints.ts';
import type { Sabotage } from '../store/protocol.ts';
import type { Environment } from './exec-env.ts';

const RulesSchema = z.array(z.object({ name: z.enum(FAILPOINTS), hit: z.number(), action: z.enum(['kill', 'throw']) }));
const SabotageSchema = z.enum(['sync-off', 'ack-before-commit']);

/** Faults that the durability suite asks for by WINDTUNNEL_TEST_FAILPOINTS (JSON) and WINDTUNNEL_TEST_SABOTAGE; else none. */
export function testFaults(env: Environment): { failpoints: Failpoints; sabotage?: Sabotage } {
  const rules = env.WINDTUNNEL_TEST_FAILPOINTS;
  if (rules === undefined) return { failpoints: noFailpoints };
  try {
    const failpoints = armFailpoints(RulesSchema.parse(JSON.parse(rules)), () => process.kill(process.pid, 'SIGKILL'));
    const sabotage = env.WINDTUNNEL_TEST_SABOTAGE;
    return sabotage === undefined ? { failpoints } : { failpoints, sabotage: SabotageSchema.parse(sabotage) };
  } catch (cause) {
    throw new WindtunnelError('E_USAGE', 'WINDTUNNEL_TEST_FAILPOINTS or WINDTUNNEL_TEST_SABOTAGE is malformed.', {
      cause,
    });
  }
}
