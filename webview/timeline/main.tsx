import '../page/read-bundle.ts';
import { createRoot } from 'react-dom/client';
import './timeline.css';
import { Timeline } from './timeline.tsx';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no root.');
createRoot(root).render(<Timeline />);
