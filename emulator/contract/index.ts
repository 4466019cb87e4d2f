export * from './app.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './limits.ts';
export * from './request.ts';
export * from './runner.ts';
