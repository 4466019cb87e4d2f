import '../page/read-bundle.ts';
import { createRoot } from 'react-dom/client';
import './playground.css';
import { Playground } from './playground.tsx';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no root.');
createRoot(root).render(<Playground />);
