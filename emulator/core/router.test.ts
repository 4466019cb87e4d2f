import { describe, expect, it } from 'vitest';
import { type Routable, Router } from './router.ts';

const runner = (id: string, slots = 1): Routable & { inFlight: { size: number } } => ({
  id,
  slots,
  inFlight: { size: 0 },
  hints: [],
});

/** Three free runners; `plain` advertises nothing. */
function three() {
  const router = new Router<Routable>();
  const [red, blue, plain] = ['red', 'blue', 'plain'].map((id) => runner(id)) as [Routable, Routable, Routable];
  for (const one of [red, blue, plain]) router.offer(one);
  router.advertise(red, ['red', 'warm']);
  router.advertise(blue, ['blue', 'warm']);
  const pick = (hint: string | null) => router.pick(hint)?.id;
  return { router, red, blue, plain, pick };
}

describe('where a request goes', () => {
  it('to the runner that advertised its hint, whoever’s turn it is', () => {
    const { pick } = three();
    expect([pick('blue'), pick('red'), pick('blue')]).toEqual(['blue', 'red', 'blue']);
  });

  it('to one that advertised nothing where nobody has the hint, before one that has others', () => {
    const { router, plain, pick } = three();
    expect(pick('green')).toBe('plain');
    router.suspend(plain);
    expect(pick('green')).toBe('red');
  });

  it('in turn, among those with the hint and among all', () => {
    const { router, red, pick } = three();
    expect(pick('warm')).toBe('red');
    router.taken(red);
    expect([pick('warm'), pick(null)]).toEqual(['blue', 'blue']);
  });

  it('not to one that is full, and again once a slot of it is free', () => {
    const { router, red, pick } = three();
    Object.assign(red.inFlight, { size: 1 });
    router.taken(red);
    expect(pick('red')).toBe('plain');
    Object.assign(red.inFlight, { size: 0 });
    router.offer(red);
    expect(pick('red')).toBe('red');
  });

  it('by what was advertised last; a runner that leaves advertises nothing', () => {
    const { router, red, pick } = three();
    router.advertise(red, ['green']);
    expect([pick('green'), pick('red')]).toEqual(['red', 'plain']);
    router.withdraw(red);
    expect([pick('green'), red.hints]).toEqual(['plain', []]);
  });
});
