// Stands in for the header of this name in TensorFlow Lite Micro.
#include "stand_in.h"
