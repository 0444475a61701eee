/* rulefile.h - where it was; see the contract. */
#include "ctfw/rulefile.h"
