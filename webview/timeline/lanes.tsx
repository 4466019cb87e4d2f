import * as l10n from '@vscode/l10n';
import {
  type KeyboardEvent,
  type MouseEvent,
  type Ref,
  useEffect,
  useId,
  useImperativeHandle,
  useRef,
  useState,
  type WheelEvent,
} from 'react';
import { now } from '../page/clock.ts';
import { drawTimeline, LABEL_WIDTH, readPalette } from './draw-timeline.ts';
import type { Decision, DepthStep } from './timeline-model.ts';
import {
  DEPTH_HEIGHT,
  moved,
  ROW_HEIGHT,
  type Row,
  rowText,
  visibleRows,
  type Window,
  zoomed,
} from './timeline-view.ts';

export interface LanesHandle {
  focus(): void;
}

interface LanesProps {
  ref?: Ref<LanesHandle>;
  rows: readonly Row[];
  depth: readonly DepthStep[];
  decisions: readonly Decision[];
  window: Window;
  selected: string | null;
  /** Something may go on: it is drawn anew as time passes. */
  live: boolean;
  onSelect(row: Row): void;
  onWindow(next: (window: Window) => Window): void;
}

/**
 * The lanes as a list box: the canvas shows what is in sight, and one element says the selected row to screen readers, so that
 * ten thousand rows cost no more than fifty.
 */
export function Lanes(props: LanesProps) {
  const { rows, selected } = props;
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const optionId = useId();
  const index = rows.findIndex(({ id }) => id === selected);
  const current = rows[index];
  const revealed = useRef<string | null>(null);
  useImperativeHandle(props.ref, () => ({ focus: () => scroller?.focus() }), [scroller]);

  useEffect(() => {
    const target = canvas.current;
    const context = target?.getContext('2d');
    if (!scroller || !target || !context) return;
    let frame = 0;
    const draw = () => {
      frame = 0;
      const width = scroller.clientWidth;
      const height = scroller.clientHeight;
      const ratio = devicePixelRatio;
      if (target.width !== width * ratio || target.height !== height * ratio) {
        target.width = width * ratio;
        target.height = height * ratio;
        target.style.width = `${width}px`;
        target.style.height = `${height}px`;
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const { first, rows: seen } = visibleRows(rows, scroller.scrollTop, height);
      const scene = { ...props, rows: seen, first, scrollTop: scroller.scrollTop, now: now() };
      drawTimeline(context, width, height, scene, readPalette(document.body));
    };
    const ask = () => {
      frame ||= requestAnimationFrame(draw);
    };
    ask();
    const resized = new ResizeObserver(ask);
    resized.observe(scroller);
    const themed = new MutationObserver(ask);
    themed.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
    scroller.addEventListener('scroll', ask, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      resized.disconnect();
      themed.disconnect();
      scroller.removeEventListener('scroll', ask);
    };
  });

  // Whoever selected it: by keys, or as the replay of another.
  useEffect(() => {
    if (!scroller || selected === revealed.current) return;
    revealed.current = selected;
    if (index < 0) return;
    const top = index * ROW_HEIGHT;
    const height = scroller.clientHeight - DEPTH_HEIGHT;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + ROW_HEIGHT > scroller.scrollTop + height) scroller.scrollTop = top + ROW_HEIGHT - height;
  });

  const select = (at: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, at))];
    if (row) props.onSelect(row);
  };
  const keys = (event: KeyboardEvent) => {
    const page = Math.floor((scroller?.clientHeight ?? 0) / ROW_HEIGHT);
    const moves: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: rows.length - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) select(to);
    else if (event.key === '+') props.onWindow((one) => zoomed(one, 0.5, 0.5));
    else if (event.key === '-') props.onWindow((one) => zoomed(one, 2, 0.5));
    else if (event.key === 'ArrowLeft') props.onWindow((one) => moved(one, -0.25));
    else if (event.key === 'ArrowRight') props.onWindow((one) => moved(one, 0.25));
    else return;
    event.preventDefault();
  };
  const click = (event: MouseEvent<HTMLDivElement>) => {
    const { top } = event.currentTarget.getBoundingClientRect();
    const y = event.clientY - top - DEPTH_HEIGHT;
    if (y >= 0 && scroller) select(Math.floor((y + scroller.scrollTop) / ROW_HEIGHT));
  };
  const wheel = (event: WheelEvent<HTMLDivElement>) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const centre = (event.clientX - left - LABEL_WIDTH) / (width - LABEL_WIDTH);
    if (event.ctrlKey)
      props.onWindow((one) => zoomed(one, event.deltaY > 0 ? 1.25 : 0.8, Math.max(0, Math.min(1, centre))));
    else props.onWindow((one) => moved(one, event.deltaY > 0 ? 0.1 : -0.1));
  };

  return (
    <div
      ref={setScroller}
      className="lanes"
      role="listbox"
      tabIndex={0}
      aria-label={l10n.t('Runners and requests, newest first')}
      aria-activedescendant={current ? optionId : undefined}
      onKeyDown={keys}
      onClick={click}
      onWheel={wheel}
    >
      <div className="picture" aria-hidden="true">
        <canvas ref={canvas} />
      </div>
      <div className="room" style={{ height: rows.length * ROW_HEIGHT + DEPTH_HEIGHT }} aria-hidden="true" />
      <div
        id={optionId}
        className="sr-only"
        role="option"
        tabIndex={-1}
        aria-selected={current !== undefined}
        aria-posinset={index + 1}
        aria-setsize={rows.length}
      >
        {current ? rowText(current) : l10n.t('Nothing is selected')}
      </div>
    </div>
  );
}
