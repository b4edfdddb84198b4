/* Answers `edgeae verify` and `edgeae bench` over UART 0, by the core's cycle counter. */
#include "driver/uart.h"
#include "edgeae_serial.h"
#include "esp_cpu.h"
#include "sdkconfig.h"

#define LINE UART_NUM_0

/* Waits for a tick of FreeRTOS at most, in which its idle task feeds the watchdog. */
static int32_t get(void) {
  uint8_t byte;
  return uart_read_bytes(LINE, &byte, 1, 1) == 1 ? byte : -1;
}

static void put(uint8_t byte) { uart_write_bytes(LINE, &byte, 1); }

static uint32_t tick(void) { return (uint32_t)esp_cpu_get_cycle_count(); }

static const struct edgeae_serial_board board = {
    CONFIG_IDF_TARGET,
    get,
    put,
    tick,
    CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ * 1000000u,
    EDGEAE_TICK_CYCLE,
    32};

void app_main(void) {
  const uart_config_t config = {
      .baud_rate = 115200,
      .data_bits = UART_DATA_8_BITS,
      .parity = UART_PARITY_DISABLE,
      .stop_bits = UART_STOP_BITS_1,
      .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
      .source_clk = UART_SCLK_DEFAULT,
  };
  ESP_ERROR_CHECK(uart_driver_install(LINE, 1024, 0, 0, NULL, 0));
  ESP_ERROR_CHECK(uart_param_config(LINE, &config));
  for (;;) {
    edgeae_serial_poll(&board);
  }
}
