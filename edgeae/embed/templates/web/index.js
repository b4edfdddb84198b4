/* $description. */
import { Part } from "./runtime.js";
$classes
